"""Changing the operator's secret key: everything that was made under the old one comes under the new one, while servers
sell. What each column does is said in `columns.py`, and how to go about it in docs/operate.md."""
