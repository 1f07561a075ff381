"""Ways to use photopulse from other libraries."""
