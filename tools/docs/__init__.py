"The course's site: what lies before, between and after nbdev and smalldocs, which do the work."
