"""Whether, when and how mixing pays: trains many small networks and says what they show.

`python -m tools.study --help` lists the options. One idea a file: `grid` says what is trained,
`data`, `networks` and `methods` make it, `engine` trains the seeds of one cell at once, `scores`
judges, `store` keeps, `predictions` compares with the literature, `figures` and `page` show.
"""
