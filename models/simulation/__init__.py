"""The demo network: scenes, weather and camera motion with known truth."""
