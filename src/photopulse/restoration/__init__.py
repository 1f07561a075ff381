"""From old, damaged photos to clean ones: `photopulse restore`, for one photo and for many."""
