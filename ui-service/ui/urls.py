from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView
from service_kit import health, metrics

from ui import (
    views_account,
    views_actions,
    views_booking,
    views_change,
    views_console,
    views_data,
    views_errors,
    views_factor,
    views_fares,
    views_faults,
    views_learn,
    views_outbox,
    views_pages,
    views_pay,
    views_people,
    views_places,
    views_progress,
    views_search,
    views_stream,
    views_trips,
)

# Views without a form are exempt from CSRF, so that a wrong method gets 405 and not 403.
search = [
    path("", csrf_exempt(views_search.search), name="search"),
    path("flights/", views_search.results, name="results"),
    path("flights/fares/", views_fares.fare_strip, name="fare_strip"),
    path("flights/calendar/", views_fares.fare_calendar, name="fare_calendar"),
    path("places/", views_places.places, name="places"),
    path("where/", views_places.where, name="where"),
]
booking = [
    path("book/seats/", views_booking.seats, name="seats"),
    path("book/passengers/", views_booking.passengers, name="passengers"),
    path("book/<slug:draft>/pay/", views_pay.pay, name="pay"),
    path("progress/<str:correlation_id>/", views_progress.progress, name="progress"),
    path("progress/<str:correlation_id>/part/", views_progress.progress_part, name="progress_part"),
    path("progress/<str:correlation_id>/stop/", views_progress.stop, name="stop_booking"),
    path("api/saga/stream/<str:correlation_id>/", csrf_exempt(views_stream.saga_stream), name="saga_stream"),
]
trips = [
    path("trips/", views_trips.trips, name="trips"),
    path("trips/find/", views_trips.find, name="find_trip"),
    path("trips/<slug:reference>/", views_trips.trip, name="trip"),
    path("trips/<slug:reference>/ticket/", views_trips.ticket_page, name="ticket"),
    path("trips/<slug:reference>/ticket.pdf", views_trips.ticket_pdf, name="ticket_pdf"),
    path("trips/<slug:reference>/calendar.ics", views_trips.calendar_file, name="calendar"),
    path("trips/<slug:reference>/cancel/", views_trips.cancel, name="cancel_trip"),
    path("trips/<slug:reference>/change/", views_change.change, name="change_trip"),
    path("trips/<slug:reference>/change/confirm/", views_change.confirm, name="confirm_change"),
    path("miles/", views_trips.loyalty, name="loyalty"),
]
account = [
    path("account/", views_account.account, name="account"),
    path("account/login/", views_account.Login.as_view(), name="login"),
    path("account/login/code/", views_factor.login_code, name="login_code"),
    path("account/logout/", LogoutView.as_view(), name="logout"),
    path("account/logout/everywhere/", views_account.logout_everywhere, name="logout_everywhere"),
    path("account/register/", views_account.register, name="register"),
    path("account/profile/", views_account.profile, name="profile"),
    path("account/password/", views_account.password, name="password"),
    path("account/factor/", views_factor.second_factor_page, name="second_factor"),
    path("account/factor/app/", views_factor.app, name="second_factor_app"),
    path("account/data/", views_data.data, name="data"),
    path("account/data/export/", views_data.export, name="export_data"),
    path("account/reset/", views_account.PasswordReset.as_view(), name="password_reset"),
    path("account/reset/sent/", views_account.password_reset_sent, name="password_reset_done"),
    path(
        "account/reset/<uidb64>/<token>/", views_account.password_reset_confirm, name="password_reset_confirm"
    ),
    path("outbox/", views_outbox.outbox, name="outbox"),
    path("theme/", views_account.theme, name="theme"),
]
console = [
    path("console/", views_console.sagas, name="console"),
    path("console/audit/", views_console.audit, name="console_audit"),
    path("console/people/", views_people.people, name="console_people"),
    path("console/by-hand/", views_console.by_hand, name="console_by_hand"),
    path("console/group/", views_actions.group, name="console_group"),
    path("console/act/", views_actions.bulk, name="console_bulk"),
    path("console/<str:correlation_id>/", views_console.saga, name="console_saga"),
    path("console/<str:correlation_id>/part/", views_console.saga_part, name="console_part"),
    path("console/<str:correlation_id>/export.json", views_console.export, name="console_export"),
    path("console/<str:correlation_id>/act/", views_actions.act, name="console_act"),
    path("faults/", views_faults.faults, name="faults"),
]
pages = [
    path("how-it-works/", views_pages.how_it_works, name="how_it_works"),
    # Its earlier address.
    path("try/", require_safe(RedirectView.as_view(pattern_name="learn")), name="demo_guide"),
    path("learn/", views_learn.lessons, name="learn"),
    path("learn/run/", views_learn.run, name="run_lesson"),
    path("learn/<slug:slug>/<str:correlation_id>/", views_learn.lesson, name="lesson"),
    path("learn/<slug:slug>/<str:correlation_id>/part/", views_learn.lesson_part, name="lesson_part"),
    path("learn/<slug:slug>/<str:correlation_id>/act/", views_learn.lesson_act, name="lesson_act"),
    path("pages/<slug:name>/", views_pages.page, name="page"),
    path("api/health/", csrf_exempt(require_safe(health.alive))),
    path("api/health/ready/", csrf_exempt(require_safe(health.ready))),
    path("metrics", csrf_exempt(require_safe(metrics.metrics))),
]
urlpatterns = [*search, *booking, *trips, *account, *console, *pages]

handler400, handler403 = views_errors.handler400, views_errors.handler403
handler404, handler500 = views_errors.handler404, views_errors.handler500
