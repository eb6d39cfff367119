"""`/api/v1` for people's programs: FastAPI beside the gateways' own paths, which it does not touch."""
