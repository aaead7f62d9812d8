from django.urls import include, path

urlpatterns = [path("sagas/", include("django_sagas.urls"))]
