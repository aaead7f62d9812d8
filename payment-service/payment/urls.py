from django.urls import path
from service_kit import problems
from service_kit.record_views import RecordsView
from service_kit.urls import common, demo

from payment import saga_views, views

urlpatterns = [
    path("api/saga/authorize-payment/", saga_views.AuthorizePayment.as_view()),
    path("api/saga/cancel-payment/", saga_views.CancelPayment.as_view()),
    path("api/saga/capture-payment/", saga_views.CapturePayment.as_view()),
    path("api/saga/refund-payment/", saga_views.RefundPayment.as_view()),
    path("api/payments/<str:correlation_id>/", views.PaymentView.as_view()),
    path("api/saga/records/", RecordsView.as_view()),
    demo(
        saga_views.AuthorizePayment,
        saga_views.CancelPayment,
        saga_views.CapturePayment,
        saga_views.RefundPayment,
    ),
    *common(views.ready),
]

handler400, handler404, handler500 = problems.handler400, problems.handler404, problems.handler500
