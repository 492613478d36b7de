"""What runs programs on machines: leases, claims, sources, usage and expected costs."""
