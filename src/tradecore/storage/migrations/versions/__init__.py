"""One file per revision, in order. Revisions are never edited once released; a change is a new one."""
