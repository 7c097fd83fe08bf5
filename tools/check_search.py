"""Types users' questions into the site's search, and prints the rank of the page that answers each.

It needs selenium, Chromium with its driver, and the site that `make docs` builds:

    pip install selenium
    python tools/check_search.py
"""

import sys

from browsing import browser, served
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

LIMIT_S = 20
FIRST = 3
# At least as many of the questions must have the right page among the first hits.
ENOUGH = 0.9
# Users' words, from the issues and forums of other libraries, and the page.
QUESTIONS = {
    "training accuracy lower than validation": "faq/training/#training-accuracy",
    "labels shape (B, B, K)": "faq/labels/#labels-b-b-k",
    "Mul of int and float": "faq/labels/#mul-int-float",
    "focal loss": "faq/labels/#focal-loss",
    "f1 score soft labels": "faq/labels/#f1-auc",
    "mixed labels or mixed loss": "faq/labels/#mixed-labels-or-mixed-loss",
    "binary classifier sigmoid": "faq/labels/#binary",
    "multi-label": "faq/labels/#multi-label",
    "BCE or CE": "faq/labels/#bce-or-ce",
    "label smoothing twice": "faq/labels/#label-smoothing",
    "class weights": "faq/labels/#class-weights",
    "ignore index 255": "faq/data/#ignore-index",
    "bounding boxes": "faq/data/#bounding-boxes",
    "turn off last epochs": "faq/training/#off-for-the-last-epochs",
    "slow on GPU": "faq/training/#slow",
    "float16": "faq/training/#float16",
    "3D volumes dice": "faq/data/#volumes-and-dice",
    "result got worse": "faq/choosing/#worse-result",
    "accuracy got worse": "faq/choosing/#worse-result",
    "validation data": "faq/training/#validation-data",
    "same random numbers every epoch": "faq/training/#same-numbers-each-epoch",
    "waveform or spectrogram": "faq/data/#waveform-or-spectrogram",
    "mixup or cutmix": "faq/choosing/#mixup-or-cutmix",
    "regression": "faq/labels/#regression",
    "odd batch size": "faq/training/#odd-batch",
    "keypoints": "faq/data/#keypoints",
}


def main():
    """Prints a line for each question, and exits with 1 if too few are answered."""
    answered = 0
    with served() as address, browser() as opened:
        opened.set_window_size(1280, 1000)
        opened.get(address)
        for question, answer in QUESTIONS.items():
            hits = search(opened, question)
            rank = next((n for n, hit in enumerate(hits, 1) if leads_to(hit, answer)), None)
            answered += rank is not None and rank <= FIRST
            first = ", ".join(hit[0].removeprefix(address) for hit in hits[:FIRST])
            print(f"{rank or '–':>3}  {question:40} {answer:42} {first}", flush=True)
    print(f"{answered} of {len(QUESTIONS)} in the first {FIRST} hits")
    sys.exit(answered < ENOUGH * len(QUESTIONS))


def search(opened, question):
    """Returns the hits in their order: for each the addresses of the page and of its sections."""
    field = opened.find_element(By.CSS_SELECTOR, ".md-search__input")
    opened.execute_script("arguments[0].value = ''; arguments[0].focus()", field)
    field.send_keys(question)
    wait = WebDriverWait(opened, LIMIT_S, poll_frequency=0.1)
    wait.until(lambda _: settled(opened))
    return opened.execute_script(
        "return [...document.querySelectorAll('.md-search-result__item')].map(item =>"
        " [...item.querySelectorAll('a')].map(a => a.href.replace(/\\?[^#]*/, '')))"
    )


def settled(opened):
    """Whether the list of hits has been the same for a while."""
    script = "return document.querySelector('.md-search-result').textContent"
    before = opened.execute_script(script)
    opened.execute_async_script("setTimeout(arguments[0], 700)")
    return before == opened.execute_script(script) and "Initializing" not in before


def leads_to(hit, answer):
    """Whether a hit offers the section that answers."""
    return any(address.endswith(f"/{answer}") for address in hit)


if __name__ == "__main__":
    main()
