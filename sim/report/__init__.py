"""What people see of a result: figures, tables, and one HTML page."""
