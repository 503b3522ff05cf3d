"""What is in the engine's library and not in the reader's download: lessons do not import it."""

# By the beginning of the path; half of the library's bytes.
PATHS = tuple(
    """
    sympy/ sklearn/ networkx/ reportlab/ pypdf/ mpmath/ xlsxwriter/ html5lib/ bs4/ joblib/ formulaic/
    xlrd/ lxml/ soupsieve/ charset_normalizer/ regex/ toolz/ host/ yaml/ more_itertools/ webencodings/
    interface_meta/ tabulate/ wrapt/ tomli_w/ xmltodict narwhals/ jinja2/ markupsafe/ attr/ cloudpickle/
    threadpoolctl. packaging/licenses/

    statsmodels/tsa/ statsmodels/datasets/ statsmodels/sandbox/ statsmodels/multivariate/
    statsmodels/imputation/ statsmodels/treatment/ statsmodels/miscmodels/ statsmodels/othermod/
    statsmodels/stats/libqsturng/ patsy/test_ scipy/signal/ scipy/io/ scipy/fftpack/
    scipy/stats/_sobol_direction_numbers

    profiling/ pydoc_data/ _pyrepl/ ensurepip/ idlelib/ turtle. mailbox. tkinter/ venv/ pdb.
    doctest. _pyio. _pydatetime. xmlrpc/ wsgiref/ dbm/ curses/ asyncio/ ssl. bdb. pstats.
    profile. cProfile. unittest/mock. unittest/async_case. imaplib. smtplib. ftplib. webbrowser.
    pickletools. modulefinder. optparse. trace. wave. tzdata/

    matplotlib/mpl-data/sample_data/ matplotlib/mpl-data/images/ matplotlib/mpl-data/plot_directive/
    matplotlib/mpl-data/fonts/afm/ matplotlib/mpl-data/fonts/pdfcorefonts/
    matplotlib/mpl-data/fonts/ttf/STIX matplotlib/mpl-data/fonts/ttf/DejaVuSerif
    matplotlib/mpl-data/fonts/ttf/DejaVuSansMono- matplotlib/mpl-data/fonts/ttf/DejaVuSans-BoldOblique
    mpl_toolkits/axisartist/ mpl_toolkits/axes_grid1/ PIL/TiffImagePlugin. PIL/DdsImagePlugin.
    PIL/BlpImagePlugin. PIL/Jpeg2KImagePlugin. PIL/IcnsImagePlugin. PIL/PalmImagePlugin.
    PIL/EpsImagePlugin. PIL/PsdImagePlugin. PIL/IcoImagePlugin. PIL/ImImagePlugin. PIL/WebpImagePlugin.
    PIL/PdfParser. PIL/ImageCms. fontTools/ttLib/ fontTools/pens/ fontTools/varLib/ fontTools/otlLib/
    fontTools/feaLib/ fontTools/ufoLib/ fontTools/designspaceLib/ fontTools/voltLib/ fontTools/cffLib/
    fontTools/svgLib/ fontTools/mtiLib/ fontTools/merge/ fontTools/qu2cu/ fontTools/cu2qu/
    fontTools/unicodedata/ fontTools/t1Lib/ fontTools/colorLib/ fontTools/encodings/ fontTools/subset/
    fontTools/diff/ fontTools/fontBuilder. fontTools/afmLib.
    """.split()
)
# By the end of the path: what only a build reads, or a page of its own.
KINDS = (".in", ".tp", ".pxi", ".js", ".xsl")
