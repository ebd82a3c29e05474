"""Search by filter and order, in the grammar of MLflow clients: parsed once, compiled to SQL with bound values only.

`grammar.py` reads the text, `conditions.py` and `orders.py` make SQL of it, `pages.py` answers page by page.
"""
