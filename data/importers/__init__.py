"""From what people have (folders, tables) into the store. Offline code: pandas is welcome here."""
