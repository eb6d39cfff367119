"""The schema's history: each revision brings a database from one version to the next, never back."""
