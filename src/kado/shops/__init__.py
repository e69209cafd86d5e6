"""A merchant's shops as their till platforms know them: where they sell, with which program, and how they look."""
