"""The clinic's app: who may come in (`door`), what they may reach (`tenancy`, `routes`), and a page for each role.

browser -> Door (host, origin, sign-in, role, size of bodies) -> Tenancy (Gradio's own routes) -> routes and pages
"""
