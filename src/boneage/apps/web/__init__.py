"""The reading room: a page and a service over one predictor. `boneage.apps.web.app.create_app` builds it."""
