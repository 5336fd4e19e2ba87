"""One conversation at a terminal."""

from app.client.addresses import NoService
from app.show.options import Options
from app.show.pages import JsonPage, Page
from app.show.service import CannotShow, ShownService
from app.watch.console import output_console


def show(options: Options) -> None:
    """Print the conversation up to the moment that is asked for.

    Raises:
        CannotShow: there is nothing to show, or no service.
    """
    try:
        with ShownService(options.url, options.conversation_id) as service:
            then = service.conversation(options.moment)
            newest = service.conversation({})["version"] if options.moment else then["version"]
            page = _page(options, service)
            page.show(then, newest, service.events(until=then["version"]))
    except NoService as error:
        raise CannotShow(str(error)) from None


def _page(options: Options, service: ShownService) -> Page | JsonPage:
    if options.as_json:
        return JsonPage()
    return Page(output_console(with_color=options.with_color), service.targets())
