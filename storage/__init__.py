"""How instances survive: tables, migrations, the write path, queries, and the in-memory twin."""
