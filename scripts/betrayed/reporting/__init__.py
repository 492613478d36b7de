"""Tables, averages, the leaderboard, pictures and the closing text."""
