"""Changes of the record's tables, oldest first. A revision that was released is never edited."""
