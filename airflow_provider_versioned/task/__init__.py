"""What operators, sensors and the rollout share: the base class, the reading of arguments, who a task is."""
