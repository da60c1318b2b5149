"""The processes of the window's own: letting them go, and ending them."""

from typing import Any


def test_nothing_that_waited_for_a_process_to_leave_begins_when_all_is_closed(qapp: Any) -> None:
    """Else a link that was just being moved to another scene would start again while the window closes."""
    from desktop.gui.model.child import Child

    begun: list[str] = []
    child = Child("platform")
    child.start({})
    child.leave(lambda: begun.append("leave"))
    child.close()
    assert begun == []
    assert not child.running
    child.deleteLater()


def test_what_waits_for_a_process_to_leave_begins_when_it_has_gone(qapp: Any, qtbot: Any) -> None:
    from desktop.gui.model.child import Child

    begun: list[str] = []
    child = Child("platform")
    child.start({})
    child.leave(lambda: begun.append("leave"))
    assert begun == []
    qtbot.waitUntil(lambda: begun == ["leave"], timeout=60_000)
    child.close()
    child.deleteLater()
