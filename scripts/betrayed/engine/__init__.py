"""What runs programs on machines: batches of videos, leases, claims, sources of a program."""
