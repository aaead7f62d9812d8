"""Settings of the backend service; every value that differs between machines comes from the environment."""

from service_kit import environment as env
from service_kit import logs
from service_kit import settings as kit
from service_kit.limits import Limit, api_limits
from service_kit.mail_settings import (  # noqa: F401  Django's names
    DEFAULT_FROM_EMAIL,
    EMAIL_BACKEND,
    EMAIL_FILE_PATH,
    EMAIL_HOST,
    EMAIL_HOST_PASSWORD,
    EMAIL_HOST_USER,
    EMAIL_PORT,
    EMAIL_TIMEOUT,
    EMAIL_USE_SSL,
    EMAIL_USE_TLS,
)

SERVICE_NAME = "backend"
DEMO_MODE = kit.DEMO_MODE
SECRET_KEY = kit.secret("SECRET_KEY")
SECRET_KEY_FALLBACKS = kit.secret_key_fallbacks()
SIGNING_KEY, VERIFYING_KEYS = kit.service_keys(SERVICE_NAME)
DEBUG = False
ALLOWED_HOSTS = kit.allowed_hosts()
TRUSTED_PROXIES = kit.TRUSTED_PROXIES
TRACES = kit.TRACES
LIMITS = api_limits(
    starts=Limit(20, 300),
    declined=Limit(10, 30, seconds=600),
    polls=Limit(600, 6000),
    actions=Limit(60, 600),
)

# The engine that runs sagas outside requests. procrastinate needs PostgreSQL and runs on any number of hosts.
SAGA_ENGINE = env.one_of("SAGA_ENGINE", ("local", "procrastinate"))

INSTALLED_APPS = kit.api_apps("flight", "django_sagas", "service_kit.outbox")
if SAGA_ENGINE == "procrastinate":
    INSTALLED_APPS = ["procrastinate.contrib.django", *INSTALLED_APPS]
MIDDLEWARE = kit.API_MIDDLEWARE
SILENCED_SYSTEM_CHECKS = kit.API_SILENCED_CHECKS
ROOT_URLCONF = "flight.urls"
WSGI_APPLICATION = "flight.wsgi.application"
TEMPLATES = kit.TEMPLATES

DATABASES = kit.databases(SERVICE_NAME)
if SAGA_ENGINE == "procrastinate":
    kit.require_postgresql(DATABASES, because="SAGA_ENGINE=procrastinate")
DATABASE_BUSY_SECONDS = kit.DATABASE_BUSY_SECONDS
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True

REST_FRAMEWORK = kit.rest_framework()
SPECTACULAR_SETTINGS = kit.spectacular(
    "Backend service: flights, bookings and their sagas", SagaStatusEnum="django_sagas.state.SagaStatus"
)
LOGGING = logs.configure(SERVICE_NAME)

PAYMENT_URL = env.address("PAYMENT_URL", default="http://127.0.0.1:8003")
LOYALTY_URL = env.address("LOYALTY_URL", default="http://127.0.0.1:8002")

# Charges of a booking, added to its fare. They travel with each call: no other service has this setting.
OTHER_CHARGES_CENTS = kit.cents("OTHER_CHARGES", default="50.00")
CURRENCY = "USD"
# A booking's money is captured and its confirmation sent so long after it is confirmed: time for a second
# thought. A day or more keeps both out of a measurement.
SETTLE_AFTER_SECONDS = env.seconds("SETTLE_AFTER_SECONDS", default=5.0)
# What a cancellation costs a ticket, unless it is free: flight/cancel/fare_rules.py.
CANCELLATION_FEES = {
    "economy": kit.cents("CANCELLATION_FEE_ECONOMY", default="50.00"),
    "business": kit.cents("CANCELLATION_FEE_BUSINESS", default="100.00"),
    "first": kit.cents("CANCELLATION_FEE_FIRST", default="150.00"),
}
# How long a quote of a cancellation or a change holds.
QUOTE_SECONDS = env.whole("QUOTE_SECONDS", default=900, least=1)
# Days ahead for which recovery keeps flights on sale; 0: only make_schedule adds flights.
SCHEDULE_DAYS = env.whole("SCHEDULE_DAYS", default=60)
# A flight closes for sale this long before its departure.
SALE_CLOSES_MINUTES = env.whole("SALE_CLOSES_MINUTES", default=60)
# A connection leaves this long after the flight before it has arrived, at least and at most.
CONNECTION_MINUTES = env.whole("CONNECTION_MINUTES", default=45)
CONNECTION_MAX_HOURS = env.whole("CONNECTION_MAX_HOURS", default=24)
# A hold made by a direct call, which no saga owns, is released after this long.
HOLD_MINUTES = env.whole("HOLD_MINUTES", default=15, least=1)

# Days for which the names of a failed booking, and of a guest's flown trip, are kept: `manage.py sweep`.
RETAIN_FAILED_DAYS = env.whole("RETAIN_FAILED_DAYS", default=30)
RETAIN_GUEST_DAYS = env.whole("RETAIN_GUEST_DAYS", default=365)
SWEEPS = ["flight.people.sweep"]

SAGA_PARTICIPANTS = kit.participants(payment=PAYMENT_URL, loyalty=LOYALTY_URL)
SAGA_ORCHESTRATOR = "flight.saga_orchestrator_complete.BookingOrchestrator"
SAGA_CLIENT = "flight.operations.traces.TracedParticipants" if TRACES else "flight.demo_faults.Participants"
SAGA_HEADERS = "service_kit.credentials.headers_for"
SAGA_ALARM = "flight.audit.alarms.raise_alarm"
SAGA_TRAIL = "flight.audit.alarms.leave_trail"
SAGA_FINDING = "flight.audit.alarms.report_finding"
SAGA_RECORDED = "flight.audit.reads.recorded"
SAGA_DATA_FIELD = "booking_data"
SAGA_REFERENCE_FIELD = "booking_reference"
SAGA_SUBJECT_FIELD = "user_id"
SAGA_HOUSEKEEPING = [
    ("flight.saga_sweeper.release_expired_holds", 15.0),
    ("flight.schedule.roller.roll", 60.0),
    ("flight.cancel.quotes.forget_expired", 600.0),
    ("flight.settlement.earlier_bookings.begin_settlements", 3600.0),
    ("flight.demo_faults.die_if_asked", 0.2),
]
# Seconds; explained in docs/operations.md.
SAGA_LEASE = env.seconds("SAGA_LEASE", default=10.0, above=0)
SAGA_CALL_TIMEOUT = env.seconds("SAGA_CALL_TIMEOUT", default=8.0, above=0)
SAGA_REQUEST_DEADLINE = env.seconds("SAGA_REQUEST_DEADLINE", default=10.0, above=0)
SAGA_FORWARD_DEADLINE = env.seconds("SAGA_FORWARD_DEADLINE", default=60.0, above=0)
SAGA_FORWARD_BACKOFF = (0.2, env.seconds("SAGA_FORWARD_BACKOFF_CAP", default=5.0, above=0))
SAGA_COMPENSATION_BACKOFF = (0.5, env.seconds("SAGA_COMPENSATION_BACKOFF_CAP", default=20.0, above=0))
SAGA_MAX_RETRY_AFTER = 20.0
SAGA_ATTENTION_ATTEMPTS = 10
SAGA_ATTENTION_SECONDS = env.seconds("SAGA_ATTENTION_SECONDS", default=300.0, above=0)
SAGA_CONFIGURATION_ALARM_ATTEMPTS = 5
# A saga that is due and unclaimed for so long needs attention.
SAGA_UNCLAIMED_SECONDS = env.seconds("SAGA_UNCLAIMED_SECONDS", default=30.0, above=0)
SAGA_CLAIMS_WITHOUT_PROGRESS = 10
SAGA_MAX_RUNNING = env.whole("SAGA_MAX_RUNNING", default=1000, least=1)
# Outside demo mode so many at once may be under way for one user, and from one address: each holds seats.
SAGA_MAX_RUNNING_OF_USER = env.whole("SAGA_MAX_RUNNING_OF_USER", default=3)
SAGA_MAX_RUNNING_OF_ADDRESS = env.whole("SAGA_MAX_RUNNING_OF_ADDRESS", default=10)
# The seats that unfinished ones may hold on all flights, those that are being undone included. One booking
# is let through alone, however many seats it has.
SAGA_MAX_SEATS_OF_USER = env.whole("SAGA_MAX_SEATS_OF_USER", default=18)
SAGA_MAX_SEATS_OF_ADDRESS = env.whole("SAGA_MAX_SEATS_OF_ADDRESS", default=27)
SAGA_RECOVERY_THREADS = env.whole("SAGA_RECOVERY_THREADS", default=8, least=1)
# Procrastinate engine: dispatch interval and stalled-worker timeout.
SAGA_DISPATCH_SECONDS = env.seconds("SAGA_DISPATCH_SECONDS", default=1.0, above=0)
PROCRASTINATE_WORKER_DEFAULTS = {"update_heartbeat_interval": 2.0, "stalled_worker_timeout": 6.0}
# The default searches every app for a module `tasks`.
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""
PROCRASTINATE_IMPORT_PATHS = ["django_sagas.engines.procrastinate"]
# A traveller who has paid waits for the next poll.
SAGA_RECOVERY_POLL = env.seconds("SAGA_RECOVERY_POLL", default=0.2, above=0)
# Port of a recovery process's or worker's metrics; 0: off.
METRICS_PORT = env.whole("METRICS_PORT", default=0, most=env.ANY_PORT)
METRICS_ADDRESS = env.text("METRICS_ADDRESS", default="127.0.0.1")
# File touched with each heartbeat of a recovery process or worker; empty: none.
SAGA_HEARTBEAT_FILE = env.text("SAGA_HEARTBEAT_FILE")
# Half of a process's threads. A call without a slot waits at most so long after the last answer.
SAGA_CALLS_PER_PARTICIPANT = env.whole("SAGA_CALLS_PER_PARTICIPANT", default=4, least=1)
SAGA_SLOT_WAIT = env.seconds("SAGA_SLOT_WAIT", default=1.5)
SAGA_BREAKER_UNKNOWNS = 20
SAGA_BREAKER_PROBE_SECONDS = 1.0
# Retries per second while a participant's breaker is open.
SAGA_BREAKER_APPOINTMENTS = 50.0
