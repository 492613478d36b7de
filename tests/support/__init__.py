"""What several tests need: tiny data, small projects, and slow versions plain to see."""
