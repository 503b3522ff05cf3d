"""What IPython, and so a notebook, shows of a `CourseError`: its sentence."""

from IPython.core.interactiveshell import InteractiveShell

from course import CourseError


def test_a_course_error_is_its_sentence(capsys):
    shell = InteractiveShell()
    shell.run_cell(
        "from course import load, mixedlm\nmixedlm('test_score ~ agee + (1|school)', load('pupils'))"
    )
    shown = capsys.readouterr()
    text = (shown.out + shown.err).strip()
    assert text.startswith("CourseError: ") and "did you mean 'age'" in text
    assert "\n" not in text and "Traceback" not in text


def test_other_errors_keep_their_lines(capsys):
    shell = InteractiveShell()
    shell.run_cell("1 / 0")
    shown = capsys.readouterr()
    assert "ZeroDivisionError" in shown.out + shown.err
    assert issubclass(CourseError, ValueError)
