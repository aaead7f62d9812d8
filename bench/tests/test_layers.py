from bench.layers import shares

LINES = [
    "main (gunicorn/a.py:1);view (django/b.py:2);book (django_sagas/a.py:3);execute (django/db/c.py:4) 3",
    "main (gunicorn/a.py:1);save (django_sagas/saga_log.py:3);loads (enum.py:4) 3",
    "main (gunicorn/a.py:1);book (flight/services.py:3);loads (enum.py:4) 2",
    "main (gunicorn/a.py:1);send (requests/adapters.py:9);read (socket.py:4) 1",
    "run (threading.py:1) 1",
]


def test_innermost_known_frame_says_what_the_time_went_to() -> None:
    assert shares(LINES) == {
        "SQL: Django's cursor and the driver": 30,
        "the saga engine and the guard": 30,
        "the service's own code": 20,
        "calls of participants": 10,
        "the rest": 10,
    }
