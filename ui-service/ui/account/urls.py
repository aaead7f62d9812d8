from django.contrib.auth.views import LogoutView
from django.urls import path

from ui.account import data_views, factor_views, outbox_views, views

urlpatterns = [
    path("account/", views.account, name="account"),
    path("account/login/", views.Login.as_view(), name="login"),
    path("account/login/code/", factor_views.login_code, name="login_code"),
    path("account/logout/", LogoutView.as_view(), name="logout"),
    path("account/logout/everywhere/", views.logout_everywhere, name="logout_everywhere"),
    path("account/register/", views.register, name="register"),
    path("account/profile/", views.profile, name="profile"),
    path("account/password/", views.password, name="password"),
    path("account/factor/", factor_views.second_factor_page, name="second_factor"),
    path("account/factor/app/", factor_views.app, name="second_factor_app"),
    path("account/data/", data_views.data, name="data"),
    path("account/data/export/", data_views.export, name="export_data"),
    path("account/reset/", views.PasswordReset.as_view(), name="password_reset"),
    path("account/reset/sent/", views.password_reset_sent, name="password_reset_done"),
    path("account/reset/<uidb64>/<token>/", views.password_reset_confirm, name="password_reset_confirm"),
    path("outbox/", outbox_views.outbox, name="outbox"),
    path("theme/", views.theme, name="theme"),
]
