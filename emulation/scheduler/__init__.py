"""EventBridge Scheduler on this machine: fires the registered schedules in rounds."""
