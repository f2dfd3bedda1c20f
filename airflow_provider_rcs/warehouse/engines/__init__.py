"""How rows reach each engine at its own speed, one module for each way."""
