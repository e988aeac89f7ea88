"""The tables of the papers on TSPE and PALM had again, on the models and the data that are here."""

from audioprompt.services.reproduce.experiments import EXPERIMENTS as EXPERIMENTS
from audioprompt.services.reproduce.experiments import ReproduceError as ReproduceError
from audioprompt.services.reproduce.results import summarise as summarise
from audioprompt.services.reproduce.run import RunSettings as RunSettings
from audioprompt.services.reproduce.run import other_places as other_places
from audioprompt.services.reproduce.run import papers_places as papers_places
from audioprompt.services.reproduce.run import run as run
from audioprompt.services.reproduce.run import systems_for as systems_for
