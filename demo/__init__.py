"""The demonstration behind ``make demo``: a real Airflow, real canaries, on this machine only."""
