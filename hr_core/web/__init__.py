"""Pages for people, rendered on the server in Chinese and English; they read without JavaScript."""
