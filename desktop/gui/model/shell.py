"""What the window does beside lesions: marks exams, makes patients, exports."""

from desktop.gui.model import verbs
from desktop.gui.model.session import Session


@verbs.in_turn
def set_exam(session: Session) -> None:
    """Mark the scene as an exam, or as none; one step of its history."""
    document = session.document
    if document is not None:
        exam = not document.state.exam
        verbs.edit(session, "Mark as exam" if exam else "End the exam", lambda edit: edit.set_exam(exam))
