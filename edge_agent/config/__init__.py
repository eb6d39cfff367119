"""The site file: where it is, what it says, and what is wrong with it.

Nothing is imported here: `status` reads two paths from the file without loading pydantic.
"""
