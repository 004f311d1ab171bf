"""Reports: what is stored of an incident, a case or a week, written for people. What is not known is called unknown."""
