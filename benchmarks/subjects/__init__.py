"""One file for each way of storing events; each gives a `Subject`."""
