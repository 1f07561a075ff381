"""Methods compared on pictures: `photopulse evaluate`. Its tables open no network and run no method."""
