"""Reports: what a run leaves for a person to look at. Pictures and pages only; nothing here measures or decides."""
