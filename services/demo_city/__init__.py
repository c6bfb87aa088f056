"""The demo city: an invented city's events, with the figures of the campaign's launch speech.

`services.demo_city.world.events` is the whole of it; README.md beside this file says how each
figure is made.
"""
