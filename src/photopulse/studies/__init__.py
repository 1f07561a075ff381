"""Reading what was measured: rows, tables, intervals and figures. A study runs no method and opens no network."""
