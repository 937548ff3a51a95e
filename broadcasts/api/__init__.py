"""The broadcasts floor for client programs: broadcasts, and the segments of contacts that they are for."""
