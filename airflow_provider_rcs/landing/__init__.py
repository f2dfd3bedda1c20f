"""Landing what something other than the receiver took in: raw bodies from files, rows, tasks and queues."""
