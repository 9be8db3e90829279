"""The record of a rollout: what it is, what may be done to it, and how that is written."""
