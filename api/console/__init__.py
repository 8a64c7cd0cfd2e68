"""
The console at `/admin`: what runs here, where each customer stands, what waits for people.

Each module is a part of it: its addresses, and what its pages show. `door` lets staff in.
"""
