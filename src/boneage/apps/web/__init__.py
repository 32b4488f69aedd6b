"""The clinical service over HTTP, with its web page. `boneage.apps.web.app.create_app` builds the application."""
