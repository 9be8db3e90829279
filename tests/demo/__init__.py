"""Tests of the demo behind ``make demo``: what it tells, what it accepts as true, what it leaves behind."""
