from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from service_kit import health, metrics

from ui import error_views, page_views
from ui.account import urls as account_urls
from ui.booking import urls as booking_urls
from ui.console import urls as console_urls
from ui.learn import urls as learn_urls
from ui.search import urls as search_urls
from ui.trips import urls as trips_urls

urlpatterns = [
    *search_urls.urlpatterns,
    *booking_urls.urlpatterns,
    *trips_urls.urlpatterns,
    *account_urls.urlpatterns,
    *console_urls.urlpatterns,
    *learn_urls.urlpatterns,
    # A view without a form is exempt from CSRF, so that a wrong method gets 405 and not 403.
    path("how-it-works/", page_views.how_it_works, name="how_it_works"),
    path("pages/<slug:name>/", page_views.page, name="page"),
    path("api/health/", csrf_exempt(require_safe(health.alive))),
    path("api/health/ready/", csrf_exempt(require_safe(health.ready))),
    path("metrics", csrf_exempt(require_safe(metrics.metrics))),
]

handler400, handler403 = error_views.handler400, error_views.handler403
handler404, handler500 = error_views.handler404, error_views.handler500
