"""EventBridge Scheduler on this machine: registered schedules, fired round after round."""
