"""The stack in containers, brought up for real. Needs Docker and Chromium."""
