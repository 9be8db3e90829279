"""The page in the Airflow UI: a plugin, a small JSON API, and files for the browser that need no build.

``plugin`` is what every Airflow process loads, so it imports next to nothing; ``app`` and all it needs come in with the
first request. Who may see and do what is decided in ``access`` alone.
"""
